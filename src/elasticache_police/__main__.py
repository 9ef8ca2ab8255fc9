"""``python -m elasticache_police``: the command line."""

from elasticache_police.cli import main

main(prog_name="elasticache-police")
