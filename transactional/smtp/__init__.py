"""Mail by SMTP submission (RFC 6409): another door to what `POST /v1/send` does."""
