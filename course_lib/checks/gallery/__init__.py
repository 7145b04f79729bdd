"""The debugging gallery of lesson 09: broken scripts, and what finds them."""
