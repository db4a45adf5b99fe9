// Asks the shop whether the webhook has come, and shows the page again once it has.
(() => {
  const state = document.getElementById("state");
  const session = encodeURIComponent(state.dataset.session);
  let wait = 300;
  const look = async () => {
    try {
      const answer = await fetch(`/orders/${session}`, { cache: "no-store" });
      if (answer.ok && (await answer.json()).paid) {
        location.reload();
        return;
      }
    } catch {
      // The network is away for a moment: ask again.
    }
    wait = Math.min(wait * 1.4, 5000);
    setTimeout(look, wait);
  };
  look();
})();
