"""HTTP building blocks: requests, responses, headers and problems; independent of any resource."""
