"""Use cases: verbs in modules named by nouns. They own the transaction and raise DomainErrors."""
