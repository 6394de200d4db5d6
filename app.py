"""Page set-up and navigation, nothing else."""

import streamlit as st

from recipes import Refusal
from ui import identity, look

st.set_page_config(page_title="Layerwise", page_icon=str(look.STATIC / "icon.svg"), layout="wide")
st.logo(look.STATIC / f"wordmark-{'dark' if look.is_dark() else 'light'}.svg", size="large")
pages = [
    st.Page("pages/start.py", title="Start", icon=":material/home:", default=True),
    st.Page("pages/build.py", title="Build", icon=":material/construction:"),
    st.Page("pages/runs.py", title="Runs", icon=":material/stacked_line_chart:"),
    st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page("pages/learn.py", title="Learn", icon=":material/school:"),
    st.Page("pages/classroom.py", title="Classroom", icon=":material/groups:"),
    st.Page("pages/run.py", title="Run", icon=":material/show_chart:", visibility="hidden"),
    st.Page("pages/join.py", title="Join a class", icon=":material/login:", visibility="hidden"),
    st.Page("pages/open_model.py", title="Open a model", icon=":material/deployed_code:", visibility="hidden"),
]
page = st.navigation(pages, position="top")
try:
    identity.current_user()
except Refusal as refusal:  # no cookie, or one that opens nothing any more
    look.failed(str(refusal))
else:
    page.run()
