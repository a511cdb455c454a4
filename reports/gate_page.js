/* SPDX-License-Identifier: GPL-2.0-or-later
 * Shows one step of one violation at a time. All steps are in the page; nothing is loaded. */
(function () {
	"use strict";
	const violations = Array.from(document.querySelectorAll(".violation"));
	const links = Array.from(document.querySelectorAll("#choice a"));
	const controls = document.getElementById("controls");
	if (!violations.length)
		return;
	let violation = 0;
	let step = 0;

	function steps() {
		return violations[violation].querySelectorAll(".step");
	}

	function within(number, count) {
		return Math.min(Math.max(number, 0), count - 1);
	}

	function show() {
		const count = steps().length;
		step = within(step, count);
		violations.forEach((one, number) => { one.hidden = number !== violation; });
		steps().forEach((one, number) => { one.hidden = number !== step; });
		violations[violation].querySelector(".because").hidden = step !== count - 1;
		links.forEach((link, number) => {
			if (number === violation)
				link.setAttribute("aria-current", "true");
			else
				link.removeAttribute("aria-current");
		});
		document.getElementById("position").textContent = "step " + (step + 1) + " of " + count;
		["first", "previous"].forEach((id) => { document.getElementById(id).disabled = step === 0; });
		["next", "last"].forEach((id) => { document.getElementById(id).disabled = step === count - 1; });
	}

	function go(number) {
		step = within(number, steps().length);
		history.replaceState(null, "", "#violation=" + (violation + 1) + "&step=" + (step + 1));
		show();
	}

	function read() {
		const wanted = new URLSearchParams(location.hash.slice(1));
		violation = within((parseInt(wanted.get("violation"), 10) || 1) - 1, violations.length);
		step = (parseInt(wanted.get("step"), 10) || 1) - 1;
		show();
	}

	const moves = {
		ArrowRight: () => go(step + 1),
		ArrowLeft: () => go(step - 1),
		Home: () => go(0),
		End: () => go(steps().length - 1),
	};
	document.getElementById("first").addEventListener("click", moves.Home);
	document.getElementById("previous").addEventListener("click", moves.ArrowLeft);
	document.getElementById("next").addEventListener("click", moves.ArrowRight);
	document.getElementById("last").addEventListener("click", moves.End);
	document.addEventListener("keydown", (event) => {
		if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey)
			return;
		event.preventDefault();
		moves[event.key]();
	});
	window.addEventListener("hashchange", read);
	controls.hidden = false;
	read();
}());
