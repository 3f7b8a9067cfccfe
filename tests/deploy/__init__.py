"""What is deployed: the image of the API, the pages that tell how, backup and restore."""
