"""The tables: SQLAlchemy models, sessions, queries and migrations. Computes nothing and draws nothing."""
