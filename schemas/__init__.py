"""The contract between the stages: messages, ids, topics, headers. Imports pydantic and nothing of ours."""
