# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every method by several kinds of caller: the journal has one record of each question that was answered."""

import json
import unittest

import matrix
from matrix_case import EVERYTHING, NOTHING, OWN, MatrixTest, lets

ACTION = "org.tracectl.tracing1."
RULE = """
polkit.addRule(function(action, subject) {
    if (/^org\\.tracectl\\.tracing1\\..*-(others|own)$/.test(action.id) && subject.user == "carol")
        return polkit.Result.YES;
});
"""


class MatrixAudit(MatrixTest):
    def setUp(self):
        # The journal is not told of everything that one user does in half a minute: it begins anew.
        self.host.systemctl("try-restart", "tracingd.service")
        super().setUp()

    def records(self, caller):
        """(method, action, result) of each record about this caller, in their order."""
        text = self.host.journal("--output=json", f"TRACECTL_CALLER_PID={caller.pid}")
        records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        for record in records:
            self.assertEqual(record["_SYSTEMD_UNIT"], "tracingd.service")
        return [(record["TRACECTL_VERB"], record["TRACECTL_ACTION"].removeprefix(ACTION), record["TRACECTL_RESULT"])
                for record in records]

    def questions(self, row, user, allowed):
        """What is told about it, up to the first refusal. Where another action would do, too, a refusal is none yet."""
        verb = row.method.split(".")[1]
        for need in self.needs(row, user):
            actions = need.split("|")
            told = next((action for action in actions if action in allowed), actions[-1])
            yield verb, told, "allowed" if told in allowed else "needs-password"
            if not lets(allowed, [need]):
                return

    def assert_told(self, user, questions):
        """questions: of a row."""
        caller = matrix.Caller(self, user)
        expected = []
        # Who may do what is asked whatever state the session is in, so long as it is there.
        for row in sorted(matrix.ROWS, key=lambda row: row.method == "Session.Destroy"):
            caller.call(*self.concrete(row))
            expected += questions(row)
        self.assertEqual(self.records(caller), expected)
        return expected

    def test_owner(self):
        self.assert_told("alice", lambda row: self.questions(row, "alice", OWN))

    def test_other_user(self):
        expected = self.assert_told("bob", lambda row: self.questions(row, "bob", OWN))
        self.assertEqual({action for _, action, result in expected if result == "needs-password"},
                         {"list-others", "control-others", "read-others", "trace-others", "exceed-limits"})

    def test_other_user_with_rules(self):
        self.install_rules(RULE)
        allowed = {action for action in EVERYTHING if action.endswith(("-others", "-own"))}
        expected = self.assert_told("carol", lambda row: self.questions(row, "carol", allowed))
        self.assertEqual({action for _, action, _ in expected}, EVERYTHING - {"record-user-memory"})

    def test_root(self):
        """Is not asked about; what he changes or reads of others' is told, and that he looks is not."""
        def questions(row):
            own, others = self.actions[row.method]
            first = [others] if row.whose != "self" else []
            return [(row.method.split(".")[1], action, "allowed")
                    for action in first + [need.split("|")[0] for need in row.needs if need != "exceed-limits"]
                    if action and action != "list-others"]
        self.assertGreater(len(self.assert_told("root", questions)), 20)


if __name__ == "__main__":
    unittest.main()
