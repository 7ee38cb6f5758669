"""The canvas: a Streamlit component that shows and edits geometry over a picture."""
