"""Libraries: what can be installed, which clusters have which, and what became of installing them."""
