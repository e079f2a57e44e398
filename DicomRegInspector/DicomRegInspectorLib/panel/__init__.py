"""What the module's widget hosts: its views, and the work that a button starts. The only room that knows Qt."""
