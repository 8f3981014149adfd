"""How fast the product is, beside what the machine can do; see README.md here."""
