"""The face towards RQ: jobs take one id, reload, and call one service."""
