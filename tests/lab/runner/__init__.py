"""The lab's runner: prepares an image, boots hosts from it and runs scenarios in them."""
