"""Signed tokens of an identity provider (JWT, RFC 7519), verified with the keys that it publishes (JWKS, RFC 7517)."""
