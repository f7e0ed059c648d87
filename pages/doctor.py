"""Doctor: what is wrong with this machine, this installation or this home, and what to do about it."""

import streamlit as st

from ui.doctor.findings import findings
from ui.store import home
from ui.theme import head
from vos_core.execution.doctor import examine

here = home()
head("Doctor", "this machine, this installation and this home: each line is ok, or says what to do")
with st.container(horizontal=True):
    st.button("Look again", icon=":material/refresh:", key="doctor-again")
    whole = st.button(
        "Ask torch too",
        icon=":material/memory:",
        key="doctor-whole",
        help="Whether torch itself sees the GPUs, and a Ray cluster answers: some seconds, in a process of its own",
    )
with st.spinner("Looking"):
    report = examine(here, quick=not whole, port=int(st.get_option("server.port") or 8501))
findings(report)
