"""An app of the tests alone: its `flush` stands in for Django's."""
