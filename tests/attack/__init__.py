"""An attacker who reads all that is published about random companies, and solves for what a few people said."""
