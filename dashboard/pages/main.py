"""The script that Streamlit runs: who is there, which pages there are, and the one that is open."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.pages.ask import ask
from drivegrid.dashboard.pages.parts import told
from drivegrid.dashboard.pages.review import review


def main() -> None:
    """Show the page that is open."""
    st.set_page_config(page_title="drivegrid", page_icon=":material/grid_4x4:", layout="wide")
    pages = [st.Page(ask, title="Ask", icon=":material/forum:", url_path="ask", default=True)]
    pages.append(st.Page(review, title="Review", icon=":material/fact_check:", url_path="review"))
    page = st.navigation(pages, position="top")
    with told():
        page.run()


main()
