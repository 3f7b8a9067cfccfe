"""The jobs that plan: on Modal or in a worker process, never inside the service, and never knowing it."""
