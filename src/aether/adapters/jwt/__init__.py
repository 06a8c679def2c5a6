"""JWT adapter: verifies tokens of an identity provider (JWT, RFC 7519) with the keys it publishes (JWKS, RFC 7517)."""
