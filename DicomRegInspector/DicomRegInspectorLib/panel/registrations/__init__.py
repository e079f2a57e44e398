"""The section Registrations: what files say, loaded as transforms."""
