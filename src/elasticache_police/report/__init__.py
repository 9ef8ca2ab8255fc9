"""Reports for people and programs.

==========================================  ================================================================
:mod:`~elasticache_police.report.text`      a table for a terminal
:mod:`~elasticache_police.report.document`  JSON, and the counts that every form ends with
:mod:`~elasticache_police.report.sarif`     SARIF 2.1.0, for code scanning
:mod:`~elasticache_police.report.github`    GitHub's workflow commands: annotations in a pull request
:mod:`~elasticache_police.report.html`      one page with the place of every mistake as a picture
:mod:`~elasticache_police.report.annotate`  the pictures themselves, with every finding drawn on
:mod:`~elasticache_police.report.words`     the phrases that all of them use
==========================================  ================================================================
"""
