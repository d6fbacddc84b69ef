"""Early warning: what several quantities say together, and what slow changes say."""
