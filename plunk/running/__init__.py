"""How an installation is started: prepared, served, watched and stopped."""
