"""Serve the model on SageMaker: plan, deploy, update, watch and remove endpoints and batch jobs."""
