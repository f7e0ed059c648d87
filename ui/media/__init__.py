"""The file routes and what they serve: frames, masks, thumbnails, clips, submissions."""
