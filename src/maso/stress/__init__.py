"""The executable tabletop: a fleet's questions answered by running its controls at growing sizes."""
