"""What the alarms are worth: their states, a month of one bed, the scores they rest on."""
