"""The jobs that plan: they run on Modal or in a worker process, never inside the service, never knowing it."""
