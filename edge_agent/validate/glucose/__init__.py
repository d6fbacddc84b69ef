"""The glucose report: forecasts, intervals and alarms, one patient left out in turn."""
