"""Jobs resource: everything that jobs of all kinds share over HTTP."""
