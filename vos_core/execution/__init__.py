"""Queue -> dispatcher -> workers. The only part of `vos_core` that knows the database."""
