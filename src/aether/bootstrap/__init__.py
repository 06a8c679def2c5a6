"""Bootstrap: the composition root of API and worker; only here the real implementations of all ports are named."""
