"""What `emoscope doctor` looks at: each check is a function that gives a finding, slow or dangerous ones in a child."""
