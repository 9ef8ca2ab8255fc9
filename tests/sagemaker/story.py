"""The story's own values, for tests."""

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole"
STORY_KEY = "amazon_elasticache_police/amazon-elasticache-police-model.tar.gz"
