"""The frame around the pages: navigation, theme, widgets, picture routes, the frame player. Draws; computes nothing."""
