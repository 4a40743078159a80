"""The process that opens what strangers uploaded. It imports nothing of the application and is started for each task."""
