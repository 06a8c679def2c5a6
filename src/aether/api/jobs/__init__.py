"""Jobs: what the resources of all kinds of job share."""
