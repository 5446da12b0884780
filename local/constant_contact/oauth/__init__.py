"""The authorization server: sign-in page, token endpoint, and what was granted to whom."""
