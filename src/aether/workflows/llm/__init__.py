"""Language models: the ports to them, conversations with them, and the clean-up of their answers."""
