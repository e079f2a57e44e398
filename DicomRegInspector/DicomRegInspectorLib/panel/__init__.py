"""What the module's widget hosts: views, the work that a button starts, where a finding leads to. Qt is known here only."""
