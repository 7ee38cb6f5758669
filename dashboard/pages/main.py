"""The script that Streamlit runs: who is there, which pages there are, and the one that is open."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.pages.ask import ask
from drivegrid.dashboard.pages.compare import compare
from drivegrid.dashboard.pages.errors import errors
from drivegrid.dashboard.pages.parts import told


def main() -> None:
    """Show the page that is open."""
    st.set_page_config(page_title="drivegrid", page_icon=":material/grid_4x4:", layout="wide")
    pages = [
        st.Page(ask, title="Ask", icon=":material/forum:", url_path="ask", default=True),
        st.Page(compare, title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(errors, title="Errors", icon=":material/error_outline:", url_path="errors"),
    ]
    page = st.navigation(pages, position="top")
    with told():
        page.run()


main()
