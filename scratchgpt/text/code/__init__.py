"""Python source code as text: functions, their documentation, and pairs of both."""
