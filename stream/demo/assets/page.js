"use strict";
// A player moves the line in its waveform; a click on the waveform plays from there.
for (const player of document.querySelectorAll("audio")) {
  const lane = document.getElementById(player.dataset.lane);
  const line = lane.querySelector(".playhead");
  const duration = Number(lane.dataset.duration);
  const move = () => {
    line.hidden = player.currentTime > duration; // a published clip goes on in silence
    line.style.left = `${(100 * player.currentTime) / duration}%`;
    if (!player.paused) requestAnimationFrame(move);
  };
  player.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
    move();
  });
  player.addEventListener("seeked", move);
  lane.addEventListener("click", (event) => {
    const box = lane.getBoundingClientRect();
    player.currentTime = (duration * (event.clientX - box.left)) / box.width;
    player.play();
  });
}
