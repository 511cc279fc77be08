// One tab listens at a time: tabs of this page ask each other.

const ANSWER_MS = 200;

export class Tabs {
  #channel = new BroadcastChannel("emoscope");
  #answer = null;

  /**
   * @param {() => boolean} listening whether this tab listens now
   * @param {() => void} stop another tab wants to listen instead
   */
  constructor(listening, stop) {
    this.#channel.onmessage = ({ data }) => {
      if (data === "who listens?" && listening()) this.#channel.postMessage("this one");
      else if (data === "stop" && listening()) stop();
      else if (data === "this one") this.#answer?.(true);
    };
  }

  /** Whether another tab listens. */
  othersListen() {
    return new Promise((resolve) => {
      this.#answer = resolve;
      setTimeout(() => resolve(false), ANSWER_MS);
      this.#channel.postMessage("who listens?");
    });
  }

  stopOthers() {
    this.#channel.postMessage("stop");
  }
}
