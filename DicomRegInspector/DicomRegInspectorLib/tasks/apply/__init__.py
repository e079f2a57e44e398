"""Images, labels, dose and points through a registration: from the source to the registered frame, and back."""
