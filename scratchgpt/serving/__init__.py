"""A server that speaks OpenAI's protocol, and the chat page that it serves."""
