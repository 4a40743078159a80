"""TikTok's login and posting API over HTTP."""
