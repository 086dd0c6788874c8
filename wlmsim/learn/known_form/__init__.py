"""Laws whose form is known and whose numbers are fitted."""
