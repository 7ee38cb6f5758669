"""A driving world with exact labels; start at ``drivegrid.scenes.render.render_scene``."""
